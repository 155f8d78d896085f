//! Facts about PostgreSQL that decide the design, each seen again on the image under test.
