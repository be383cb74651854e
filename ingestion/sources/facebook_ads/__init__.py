"""Facebook Ads source (Meta Marketing API): accounts, campaigns, ads, creatives, leads, daily insights."""
