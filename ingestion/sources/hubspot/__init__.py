"""HubSpot source: contacts, companies, deals, forms, submissions, page views, lists."""
