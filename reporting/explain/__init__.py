"""`adledger explain`: the bridge, the events of a step and a contact's journey, from the published file.

`scope` validates the filters; `bridge`, `claims` and `journey` read; `terminal`, `page`, `picture` and
`document` write the output; `masking` removes personal data from every output.
"""
