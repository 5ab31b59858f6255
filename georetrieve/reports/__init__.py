"""Tables, figures, sheets and pages made from records; nothing is computed here."""
