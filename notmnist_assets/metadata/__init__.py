"""What the UI shows of assets and steps: tables, pictures, columns and their lineage, reasons of failures."""
