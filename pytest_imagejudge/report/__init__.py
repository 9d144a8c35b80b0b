"""Reports, all made from `report.model.Report`."""
