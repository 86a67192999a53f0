//! Loads and calls small components, most of them hostile.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod campaign;
#[cfg(test)]
mod components;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_guests;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod load;
#[cfg(test)]
mod package_changes;
#[cfg(test)]
mod published;
#[cfg(test)]
mod services;
#[cfg(test)]
mod wasi;
