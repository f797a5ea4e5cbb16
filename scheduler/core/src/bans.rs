//! Operators that are out: what follows at once whatever the cause, the wrangler's bans and readmissions, and what who is kept
//! out is told. Does not judge results.

use tessera_shared::control::{BAN_REASON_BYTES_MAX, OperatorOrder, OrderRefusal};
use tessera_shared::ids::{LeaseId, NodeKey, WorkerId};

use crate::accounting::{OperatorId, Operators, Standing};
use crate::api::{Answer, Asker, Effect, Evidence, RequestId};
use crate::leases::LentWork;
use crate::machine::Core;
use crate::record::{LeaseEnd, Record};

impl Core {
    pub(crate) fn order_operator(
        &mut self,
        request: RequestId,
        operator: NodeKey,
        by: Asker,
        order: OperatorOrder,
    ) {
        let answer = match self.ban_or_readmit(operator, by, order) {
            Ok(()) => Answer::Done,
            Err(refusal) => Answer::OrderRefused(refusal),
        };
        self.reply(request, answer);
    }

    fn ban_or_readmit(
        &mut self,
        operator: NodeKey,
        by: Asker,
        order: OperatorOrder,
    ) -> Result<(), OrderRefusal> {
        if by != Asker::Wrangler {
            return Err(OrderRefusal::NoWrangler);
        }
        let operator = self.state.operators.find(&operator).ok_or(OrderRefusal::UnknownOperator)?;
        let standing = &self.state.operators.operator(operator).standing;
        match order {
            OperatorOrder::Ban { reason } => {
                let bytes = reason.len();
                if reason.trim().is_empty()
                    || bytes > BAN_REASON_BYTES_MAX
                    || reason.contains(char::is_control)
                {
                    return Err(OrderRefusal::Reason(bytes as u64));
                }
                // What proves fraud is not replaced by an opinion.
                if !matches!(standing, Standing::Banned(_)) {
                    self.ban(operator, reason);
                }
            }
            OperatorOrder::Readmit => {
                if *standing != Standing::Good {
                    self.record(Record::Readmitted { operator });
                }
            }
        }
        Ok(())
    }

    fn ban(&mut self, operator: OperatorId, reason: String) {
        self.record(Record::Banned { operator, reason: reason.clone() });
        let workers = self.cast_out(operator);
        let operator = self.state.operators.key(operator);
        self.effect(Effect::Banned { operator, workers, reason });
    }

    /// Whoever has just been recorded as out holds nothing more, and nothing rests on it any longer. Returns its workers that
    /// were connected.
    pub(crate) fn cast_out(&mut self, operator: OperatorId) -> Vec<WorkerId> {
        let workers = self.state.workers.iter().filter(|(_, worker)| worker.operator == operator);
        let workers: Vec<WorkerId> = workers.map(|(id, _)| *id).collect();
        let lent = |(id, lease): (&LeaseId, &LentWork)| (lease.operator == operator).then_some(*id);
        let leases: Vec<_> = self.state.leases.iter().filter_map(lent).collect();
        for lease in leases {
            self.end_lease(lease, LeaseEnd::Revoked);
        }
        for worker in &workers {
            self.drop_session(*worker);
        }
        for job in self.overturnable_jobs() {
            self.undo_deliveries(job, operator);
            self.overturn(job, |accepted| accepted.rests_on(operator));
        }
        self.drop_idle_referee_work();
        workers
    }

    /// Why an operator may not join. One whose quarantine is over is readmitted.
    pub(crate) fn kept_out(&mut self, operator: OperatorId) -> Option<String> {
        match &self.state.operators.operator(operator).standing {
            Standing::Good => None,
            Standing::Banned(evidence @ Evidence::Ordered { .. }) => {
                Some(format!("its operator is banned {evidence}; ask the farm's owner"))
            }
            Standing::Banned(evidence) => Some(format!(
                "its operator is banned, as its results were wrong again and again ({evidence}); ask the farm's owner"
            )),
            Standing::Quarantined { evidence, at_ms } => {
                let end_ms = at_ms.saturating_add(self.config.quarantine_ms);
                if self.now_ms >= end_ms {
                    self.record(Record::Readmitted { operator });
                    return None;
                }
                let seconds = (end_ms - self.now_ms).div_ceil(1000);
                Some(format!(
                    "its operator is quarantined for a wrong result ({evidence}); check the machine with `tessera bench` and come back in {seconds} s"
                ))
            }
        }
    }
}

impl Operators {
    /// Enters what became of an operator.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Quarantined { operator, evidence, at_ms, fraud } => {
                self.convict(*operator, evidence.clone(), *at_ms, *fraud);
            }
            Record::Banned { operator, reason } => self.ban(*operator, reason.clone()),
            Record::Readmitted { operator } => self.readmit(*operator),
            Record::Overruled { operator, evidence } => self.overrule(*operator, evidence.clone()),
            _ => {}
        }
    }
}
