//! Loads and calls small components, most of them hostile.

mod calls;
mod components;
mod load;
