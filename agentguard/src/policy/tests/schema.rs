//! The JSON Schema for editors keeps in step with the parser.
