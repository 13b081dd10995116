"""Files that are archives of XML: word processors, slides, sheets, books."""
