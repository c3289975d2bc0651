"""Content credentials (C2PA): certificates, signing, reading, and a strict check of what the hashes cover."""
