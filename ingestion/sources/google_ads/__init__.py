"""Google Ads source: accounts, campaigns, ads, conversion actions, daily figures."""
