//! The bytes of orders and of what is answered to them.

mod hex;

use expect_test::expect;
use hex::check;
use tessera_shared::control::*;
use tessera_shared::digest::Digest;
use tessera_shared::ids::{FrameNumber, JobId, NodeKey, WorkerId};
use tessera_shared::messages::{JobRefusal, Request};
use tessera_shared::web::*;

#[test]
fn orders() {
    let (job, worker, operator) = (JobId(2), WorkerId(3), NodeKey([4; 32]));
    let range = FrameRange { first: FrameNumber(1), last: FrameNumber(300) };
    check(
        &[
            Request::Order { job, order: JobOrder::Pause },
            Request::Order { job, order: JobOrder::Resume },
            Request::Order { job, order: JobOrder::Requeue(vec![range]) },
            Request::Order { job, order: JobOrder::Prioritise(-3) },
            Request::OrderWorker { worker, order: WorkerOrder::Drain },
            Request::OrderWorker { worker, order: WorkerOrder::Undrain },
            Request::Why { job },
            Request::Log { job },
            Request::OrderOperator { operator, order: OperatorOrder::Ban { reason: "x".into() } },
            Request::OrderOperator { operator, order: OperatorOrder::Readmit },
            Request::PackageBlob { job, digest: Digest([5; 32]), offset: 300 },
        ],
        expect![[r#"
            030000000b0200
            030000000b0201
            080000000b02020101fb2c01
            040000000b020305
            030000000c0300
            030000000c0301
            020000000d02
            020000000e02
            2400000011[04×32]000178
            2200000011[04×32]01
            250000001502[05×32]fb2c01
        "#]],
    );
    check(
        &[
            OrderReply::Done,
            OrderReply::Refused(OrderRefusal::Job(JobRefusal::Foreign)),
            OrderReply::Refused(OrderRefusal::Archived),
            OrderReply::Refused(OrderRefusal::Priority(2000)),
            OrderReply::Refused(OrderRefusal::Ranges(2000)),
            OrderReply::Refused(OrderRefusal::NoWrangler),
            OrderReply::Refused(OrderRefusal::UnknownWorker),
            OrderReply::Refused(OrderRefusal::Drained(4096)),
            OrderReply::Refused(OrderRefusal::UnknownOperator),
            OrderReply::Refused(OrderRefusal::Reason(401)),
        ],
        expect![[r#"
            0100000000
            03000000010001
            020000000101
            050000000102fba00f
            050000000103fbd007
            020000000104
            020000000105
            050000000106fb0010
            020000000107
            050000000108fb9101
        "#]],
    );
}

#[test]
fn links_to_the_page() {
    check(
        &[
            Request::Web { access: WebAccess::Own },
            Request::Web { access: WebAccess::ReadOnly },
            Request::WebLink { access: WebAccess::ReadOnly, days: Some(300) },
            Request::WebLink { access: WebAccess::Own, days: None },
            Request::WebEnd { whose: WebHolder::Own },
            Request::WebEnd { whose: WebHolder::Key(NodeKey([4; 32])) },
            Request::WebEnd { whose: WebHolder::Everybody },
        ],
        expect![[r#"
            020000000f00
            020000000f01
            06000000160101fb2c01
            03000000160000
            020000001700
            220000001701[04×32]
            020000001702
        "#]],
    );
    let token = WebToken("tsw_a".into());
    let page = WebPage { host: Some("farm".into()), port: 7879, token };
    check(
        &[
            WebReply::Page(page.clone()),
            WebReply::Page(WebPage { host: None, ..page }),
            WebReply::Refused(WebRefusal::NotServed),
            WebReply::Refused(WebRefusal::NotYours),
            WebReply::Refused(WebRefusal::Full),
            WebReply::Refused(WebRefusal::NotKept),
            WebReply::Ended,
        ],
        expect![[r#"
            100000000001046661726dfbc71e057473775f61
            0b0000000000fbc71e057473775f61
            020000000100
            020000000101
            020000000102
            020000000103
            0100000002
        "#]],
    );
}

#[test]
fn reasons_and_logs() {
    let reason = Reason { dimension: Dimension::Share, sentence: "j1 first".into() };
    check(
        &[WhyReply::Reasons(vec![reason]), WhyReply::Refused(JobRefusal::Foreign)],
        expect![[r#"
        0c000000000110086a31206669727374
        020000000101
    "#]],
    );
    let entry = FailureEntry {
        ago_ms: 300,
        worker: WorkerId(3),
        operator: NodeKey([0xcd; 32]),
        tile: Some((FrameNumber(1), 300)),
        failure: Failure::new(FailureClass::Network, "gone"),
    };
    let check_failed = FailureEntry { tile: None, ..entry.clone() };
    check(
        &[LogReply::Entry(entry), LogReply::Entry(check_failed), LogReply::Refused(JobRefusal::Unknown)],
        expect![[r#"
            3000000000fb2c0103[cd×32]0101fb2c010304676f6e65
            2c00000000fb2c0103[cd×32]000304676f6e65
            020000000100
        "#]],
    );
}
