"""Reports: scores, tables, contact sheets and worst frames made from metrics."""
