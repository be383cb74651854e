"""Facebook Ads (Meta Marketing API): accounts, campaigns, ads, creatives, daily insights."""
