"""Who the members of a site are: invitations, roles, accounts, and the pages on which an owner manages them."""
