"""HubSpot: contacts, forms, submissions, page views, deals."""
