//! Whom a farm's owner trusts to referee.

use crate::cheats::Cheat;
use crate::farm::Farm;
use crate::node::operator_key;
use crate::random::Random;

impl Farm {
    /// The owner lets the workers of these operators referee, by the places of their workers.
    pub fn trusted(mut self, operators: &[u64]) -> Farm {
        self.config.trusted = operators.iter().map(|operator| operator_key(*operator)).collect();
        self
    }

    /// In one farm of three the owner trusts some of the honest workers, which die and stand still as others do.
    pub(crate) fn trust_some(&mut self, seed: u64) {
        let random = &mut Random::new(seed ^ 0x7205);
        if random.permille(333) {
            let honest = self.nodes.iter().filter(|node| node.cheat == Cheat::Honest);
            let some = honest.filter(|_| random.permille(600));
            self.config.trusted = some.map(|node| operator_key(node.operator)).collect();
        }
    }
}
