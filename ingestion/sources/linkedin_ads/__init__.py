"""LinkedIn Ads: accounts, campaigns, creatives, conversion rules, daily analytics."""
