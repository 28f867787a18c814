"""What the UI shows of assets and steps: tables, pictures, columns with their lineage, and failures."""
