//! What holds on every machine from 512 MB to 1 TB.
