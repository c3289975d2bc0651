"""Names of files in every model's folder, for those who look into one before torch is there."""

CONFIG, MANIFEST = "config.json", "manifest.json"
