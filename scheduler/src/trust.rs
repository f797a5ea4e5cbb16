//! How far a farm's owner trusts whom: what the command line may change of the core's rules for checking. Checks nothing itself.

use std::collections::BTreeSet;

use tessera_scheduler_core::Config;
use tessera_shared::ids::NodeKey;

/// The owner's rules. What is `None` stays as [`Config::new`] has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustOptions {
    /// Operators whose workers referee.
    pub trusted: BTreeSet<NodeKey>,
    /// See the fields of [`Config`] of these names for the rest.
    pub probation_tiles: Option<u64>,
    pub quarantine_ms: Option<u64>,
    pub referee_permille: Option<u32>,
    pub referee_rays_per_minute: Option<u64>,
    pub known_permille: Option<u32>,
}

impl TrustOptions {
    /// The configuration under these rules.
    pub fn applied_to(self, config: Config) -> Config {
        let trusted = match self.trusted.is_empty() {
            true => config.trusted,
            false => self.trusted,
        };
        Config {
            trusted,
            probation_tiles: self.probation_tiles.unwrap_or(config.probation_tiles),
            quarantine_ms: self.quarantine_ms.unwrap_or(config.quarantine_ms),
            referee_permille: self.referee_permille.unwrap_or(config.referee_permille),
            referee_rays_per_minute: self.referee_rays_per_minute.unwrap_or(config.referee_rays_per_minute),
            known_permille: self.known_permille.unwrap_or(config.known_permille),
            ..config
        }
    }
}
