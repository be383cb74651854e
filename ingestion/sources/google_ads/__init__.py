"""Google Ads: accounts, campaigns, ads, conversion actions, daily figures."""
