"""LinkedIn Ads source: accounts, campaigns, creatives, conversion rules, leads, daily analytics."""
