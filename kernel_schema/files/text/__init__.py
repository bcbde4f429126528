"""What the readers share of a text: lines and places; anchors and plain scalars of YAML."""
