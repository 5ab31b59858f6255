"""Words of the field: names, synonyms and looks of minerals and palynomorphs, and prompts."""
