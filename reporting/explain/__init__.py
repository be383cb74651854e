"""What `adledger explain` tells, from the published file: bridge, events behind a step, a person's journey.

`scope` checks what is asked; `reading`, `claims` and `journey` read; `terminal`, `page`, `picture` and
`document` show; `masking` keeps personal data out of all of them.
"""
