"""The simulated company: people, ad networks and a HubSpot portal, served over HTTP.

Shares no code with the product.
"""
