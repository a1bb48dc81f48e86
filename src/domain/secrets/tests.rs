//! The rules that are shipped, and the engine, on text made at run time.
