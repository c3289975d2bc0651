"""Picture files: recognised by their first bytes, decoded, and written as stills or numbered files."""
