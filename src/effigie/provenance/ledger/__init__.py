"""The ledger of outputs made on this machine, and the fingerprints by which a clip is found in it."""
