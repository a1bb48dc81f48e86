//! Reads an archive that anybody may have written.
