//! What the trees of real hosts say.
