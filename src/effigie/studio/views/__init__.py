"""Pictures and curves that pages show of what lies in a workspace."""
