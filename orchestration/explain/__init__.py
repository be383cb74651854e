"""What `adledger explain` tells: the bridge, the events behind a step, one person's journey; from the published file.

`scope` checks what is asked, `reading`, `claims` and `journey` read, `terminal`, `page`, `picture` and `document` show;
`masking` keeps personal data out of all of them.
"""
