//! Front doors.

pub mod image;
