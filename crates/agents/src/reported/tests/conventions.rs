//! Each convention of the field, as its agents write it.

use super::*;

#[test]
fn adk_tells_calls_one_by_one_and_the_task_holds_the_last() {
    let first = json!({"adk_usage_metadata":
        {"promptTokenCount": 1000.0, "candidatesTokenCount": 10.0, "totalTokenCount": 1010.0}});
    let second = json!({"adk_usage_metadata": {
        "promptTokenCount": 2000.0, "candidatesTokenCount": 15.0, "totalTokenCount": 2020.0,
        "thoughtsTokenCount": 5.0, "cachedContentTokenCount": 900.0,
    }});
    let last = Usage {
        cached_tokens: Some(900),
        reasoning_tokens: Some(5),
        ..tokens(2000, 20)
    };
    in_task(second.clone()).check(ReportedCost::Absent, Some(at_least(last.clone())));
    let all = streamed(&[
        Update(first, Value::Null),
        Update(second.clone(), Value::Null),
        Task(second),
    ]);
    let both = Usage {
        input_tokens: Some(3000),
        output_tokens: Some(30),
        ..last
    };
    assert_eq!(all, (ReportedCost::Absent, Some(both)));
}

#[test]
fn kagent_0_tells_calls_under_either_name_and_pieces_do_not_count() {
    let call = |name: &str, input: u64| json!({name: {"promptTokenCount": input, "candidatesTokenCount": 1}});
    let mut piece = call("kagent_usage_metadata", 7);
    piece["kagent_partial"] = json!(true);
    let mut whole = call("adk_usage_metadata", 200);
    whole["kagent_partial"] = json!(false);
    let both_places = Update(
        call("kagent_usage_metadata", 100),
        call("kagent_usage_metadata", 100),
    );
    let in_message = Update(Value::Null, call("kagent_usage_metadata", 400));
    let (_, usage) = streamed(&[
        Update(piece.clone(), Value::Null),
        Update(Value::Null, piece),
        both_places,
        Update(whole, Value::Null),
        in_message,
        Artifact(call("kagent_usage_metadata", 400)),
    ]);
    assert_eq!(usage, Some(tokens(700, 3)));
}

#[test]
fn the_running_total_of_kagent_0_replaces_itself_and_the_calls() {
    let update = |call: u64, total: u64| {
        let update = json!({
            "kagent_usage_metadata": {"promptTokenCount": call, "candidatesTokenCount": 1},
            "kagent_usage_total":
                {"promptTokenCount": total, "candidatesTokenCount": 1, "modelVersion": "large"},
        });
        Update(update, Value::Null)
    };
    let (_, usage) = streamed(&[update(100, 100), update(200, 300)]);
    let expected = Usage {
        model: Some("large".to_owned()),
        ..tokens(300, 1)
    };
    assert_eq!(usage, Some(expected));
}

#[test]
fn kagent_1_repeats_its_total() {
    let total = json!({"kagent.dev/a2a/usage":
        {"promptTokenCount": 3.0, "candidatesTokenCount": 4.0, "totalTokenCount": 7.0}});
    let events = [Artifact(total.clone()), Update(total.clone(), Value::Null)];
    assert_eq!(streamed(&events).1, Some(tokens(3, 4)));
    let piece = Piece {
        artifact: total.clone(),
        task: total,
        ..Piece::default()
    };
    piece.check(ReportedCost::Absent, Some(tokens(3, 4)));
}

#[test]
fn inference_gateway_sums_over_the_task() {
    let task = json!({
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        "execution_stats": {"iterations": 2, "messages": 5, "tool_calls": 1, "failed_tools": 0},
    });
    in_task(task).check(ReportedCost::Absent, Some(tokens(3, 4)));
}

#[test]
fn redpanda_tells_calls_in_messages_and_the_total_in_the_last_update() {
    let call = |input: u64| {
        let usage = json!({
            "input_tokens": input, "output_tokens": 5, "total_tokens": input + 5, "cached_tokens": 2,
            "reasoning_tokens": 1, "max_input_tokens": 200_000,
        });
        Update(Value::Null, json!({"usage": usage}))
    };
    let parts = |cached, reasoning, usage| Usage {
        cached_tokens: Some(cached),
        reasoning_tokens: Some(reasoning),
        ..usage
    };
    let broken_off = streamed(&[call(10), call(20)]);
    assert_eq!(broken_off.1, Some(parts(4, 2, tokens(30, 10))));
    let total = json!({"usage": {"input_tokens": 31, "output_tokens": 11}, "finish_reason": "stop"});
    let (_, usage) = streamed(&[call(10), call(20), Update(total, Value::Null)]);
    assert_eq!(usage, Some(tokens(31, 11)));
}

#[test]
fn opencode_states_its_cost_and_counts_cached_tokens_apart() {
    let usage = json!({"shared": {"usage": {
        "input_tokens": 100, "output_tokens": 50, "total_tokens": 150, "reasoning_tokens": 20,
        "cache_tokens": {"read_tokens": 900, "write_tokens": 30}, "cost": 0.0125,
    }}});
    let expected = Usage {
        cached_tokens: Some(900),
        reasoning_tokens: Some(20),
        ..tokens(1030, 50)
    };
    in_task(usage.clone()).check(usd("0.0125"), Some(expected.clone()));
    let events = [Update(usage.clone(), Value::Null), Task(usage)];
    assert_eq!(streamed(&events), (usd("0.0125"), Some(expected)));
}

#[test]
fn mastra_reports_what_its_execution_used() {
    for usage in [
        json!({"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}),
        json!({"promptTokens": 3, "completionTokens": 4, "totalTokens": 7}),
    ] {
        let execution = json!({"toolCalls": [], "toolResults": [], "usage": usage, "finishReason": "stop"});
        in_task(json!({"execution": execution})).check(ReportedCost::Absent, Some(tokens(3, 4)));
    }
}

#[test]
fn protolabs_reports_under_the_uri_of_its_extension() {
    let report = json!({"https://proto-labs.ai/a2a/ext/cost-v1": {
        "usage": {"input_tokens": 3000, "output_tokens": 4, "cache_read_input_tokens": 2000,
            "cache_creation_input_tokens": 500},
        "durationMs": 4230, "costUsd": 0.5, "success": true,
    }});
    let expected = Usage {
        cached_tokens: Some(2000),
        ..tokens(3000, 4)
    };
    let (artifact, message) = (report.clone(), report.clone());
    for piece in [
        Piece {
            artifact,
            ..Piece::default()
        },
        Piece {
            message,
            ..Piece::default()
        },
    ] {
        piece.check(usd("0.5"), Some(expected.clone()));
    }
    let events = [Update(Value::Null, report.clone()), Artifact(report)];
    assert_eq!(streamed(&events), (usd("0.5"), Some(expected)));
}

#[test]
fn costs_of_no_stated_unit_payments_and_prices_are_no_report() {
    let traceability = "github.com/a2aproject/a2a-samples/extensions/traceability/v1/traceability";
    for message in [
        json!({traceability: {"steps": [{"cost": 5, "total_tokens": 700, "latency": 3}]}}),
        json!({
            "x402.payment.status": "payment-completed",
            "x402.payment.required": {"accepts": [{"maxAmountRequired": "48240000", "asset": "0x1"}]},
            "x402.payment.receipts": [{"success": true, "transaction": "0x2", "network": "base"}],
        }),
        json!({"cost_per_query": 0.1, "input_cost_per_token": 0.001, "output_cost_per_token": 0.002}),
    ] {
        let piece = Piece {
            message,
            ..Piece::default()
        };
        piece.check(ReportedCost::Absent, None);
    }
}

#[test]
fn the_names_of_opentelemetry_are_read_where_they_were_copied() {
    let task = json!({
        "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 2, "gen_ai.usage.cache_creation.input_tokens": 1,
        "gen_ai.response.model": "large",
    });
    let expected = Usage {
        cached_tokens: Some(2),
        model: Some("large".to_owned()),
        ..tokens(3, 4)
    };
    in_task(task).check(ReportedCost::Absent, Some(expected));
}
