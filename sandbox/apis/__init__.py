"""The vendors' HTTP interfaces: authentication, paging, field selection and error bodies."""
