//! The last judge of a kernel: an allow-list over the final words. Knows nothing of naga.
