"""The search operations of OpenSearch's workloads `big5` and `http_logs` (opensearch-benchmark-workloads), over the documents of `tests/bench/store`.

Fields stand for each other by their kind and the number of their values: `cloud.region` is `host.name`, `process.name` is `user_agent.name`,
`log.file.path` is `url.path`, `aws.cloudwatch.log_stream` is `source.address`, `metrics.size` is `http.response.body.bytes`, `metrics.tmin` is
`event.duration`. Ranges are as large a part of the time as there. Bodies are written anew; the names are the workloads'.
"""

DAY = 1795564800000
HOUR = 3_600_000


def between(low, high, field="@timestamp"):
    return {"range": {field: {"gte": low, "lt": high}}}


def both(*clauses):
    return {"bool": {"must": list(clauses)}}


def sort(field, order, **more):
    return {"sort": [{field: order}], **more}


WHOLE, MORNING = between(DAY, DAY + 24 * HOUR), between(DAY + 6 * HOUR, DAY + 12 * HOUR)
SMALL = between(DAY + 6 * HOUR, DAY + 6 * HOUR + 600_000)
HOST, RARE_HOST = {"term": {"host.name": "web-3"}}, {"term": {"url.path": "/robots.txt"}}
BYTES, DURATION, STATUS = "http.response.body.bytes", "event.duration", "http.response.status_code"
MESSAGE = {"query_string": {"query": "message: firefox AND checkout AND search"}}


def histogram(interval, query=None, subs=None):
    body = {"size": 0, "aggs": {"by": {"date_histogram": {"field": "@timestamp", "fixed_interval": interval}}}}
    if query:
        body["query"] = query
    if subs:
        body["aggs"]["by"]["aggs"] = subs
    return body


def terms(field, size, **more):
    return {"size": 0, "aggs": {"by": {"terms": {"field": field, "size": size}, **more}}}


def composite(*sources, query=None):
    body = {"size": 0, "aggs": {"by": {"composite": {"sources": list(sources)}}}}
    return {**body, "query": query} if query else body


def source(name, field, order):
    return {name: {"terms": {"field": field, "order": order}}}


def ranges(ends, **more):
    pairs = [{"to": ends[0]}] + [{"from": a, "to": b} for a, b in zip(ends, ends[1:])] + [{"from": ends[-1]}]
    return {"size": 0, "aggs": {"by": {"range": {"field": BYTES, "ranges": pairs}, **more}}}


BIG5 = [
    ("default", {"query": {"match_all": {}}}),
    ("term", {"query": RARE_HOST}),
    ("range", {"query": MORNING}),
    ("range-numeric", {"query": between(20, 200, BYTES)}),
    ("keyword-in-range", {"query": both(MORNING, HOST)}),
    ("desc_sort_timestamp", {"query": {"match_all": {}}, **sort("@timestamp", "desc")}),
    ("asc_sort_timestamp", {"query": {"match_all": {}}, **sort("@timestamp", "asc")}),
    ("desc_sort_with_after_timestamp", {"query": {"match_all": {}}, **sort("@timestamp", "desc", search_after=[DAY + 12 * HOUR])}),
    ("asc_sort_with_after_timestamp", {"query": {"match_all": {}}, **sort("@timestamp", "asc", search_after=[DAY + 12 * HOUR])}),
    ("desc_sort_timestamp_can_match_shortcut", {"query": HOST, **sort("@timestamp", "desc")}),
    ("desc_sort_timestamp_no_can_match_shortcut", {"query": HOST, "track_total_hits": False, **sort("@timestamp", "desc")}),
    ("asc_sort_timestamp_can_match_shortcut", {"query": HOST, **sort("@timestamp", "asc")}),
    ("asc_sort_timestamp_no_can_match_shortcut", {"query": HOST, "track_total_hits": False, **sort("@timestamp", "asc")}),
    ("sort_keyword_can_match_shortcut", {"query": HOST, **sort("url.path", "asc")}),
    ("sort_keyword_no_can_match_shortcut", {"query": HOST, "track_total_hits": False, **sort("url.path", "asc")}),
    ("sort_numeric_desc", {"query": {"match_all": {}}, **sort(BYTES, "desc")}),
    ("sort_numeric_asc", {"query": {"match_all": {}}, **sort(BYTES, "asc")}),
    ("sort_numeric_desc_with_match", {"query": {"term": {"user_agent.name": "Firefox"}}, **sort(BYTES, "desc")}),
    ("sort_numeric_asc_with_match", {"query": {"term": {"user_agent.name": "Firefox"}}, **sort(BYTES, "asc")}),
    ("range_with_asc_sort", {"query": MORNING, **sort("@timestamp", "asc")}),
    ("range_with_desc_sort", {"query": MORNING, **sort("@timestamp", "desc")}),
    ("range_field_conjunction_big_range_big_term_query", {"query": both(between(1, 1_000_000, BYTES), HOST)}),
    ("range_field_conjunction_small_range_small_term_query", {"query": both(between(20, 200, BYTES), RARE_HOST)}),
    ("range_field_conjunction_small_range_big_term_query", {"query": both(between(20, 200, BYTES), HOST)}),
    ("range_field_disjunction_big_range_small_term_query", {"query": {"bool": {"should": [between(1, 1_000_000, BYTES), RARE_HOST]}}}),
    ("query-string-on-message", {"query": MESSAGE}),
    ("query-string-on-message-filtered", {"query": {"bool": {"must": [MESSAGE], "filter": [MORNING]}}}),
    ("query-string-on-message-filtered-sorted-num", {"query": {"bool": {"must": [MESSAGE], "filter": [MORNING]}}, **sort("@timestamp", "asc")}),
    ("keyword-terms", terms("url.path", 500)),
    ("keyword-terms-low-cardinality", terms("host.name", 50)),
    ("keyword-terms-numeric-terms", terms("host.name", 10, aggs={"n": {"terms": {"field": STATUS}}})),
    ("multi_terms-keyword", {"size": 0, "query": MORNING, "aggs": {"by": {"multi_terms": {"terms": [{"field": "host.name"}, {"field": "user_agent.name"}]}}}}),
    ("composite-terms", composite(source("a", "host.name", "desc"), source("b", "http.request.method", "asc"), query=MORNING)),
    ("composite_terms-keyword", composite(source("a", "host.name", "desc"), source("b", "user_agent.name", "asc"), source("c", "http.version", "asc"), query=MORNING)),
    ("composite-date_histogram-daily", composite({"day": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}}}, query=WHOLE)),
    ("date_histogram_hourly_agg", histogram("1h")),
    ("date_histogram_minute_agg", histogram("1m", MORNING)),
    ("date_histogram_hourly_with_filter_agg", histogram("1h", HOST)),
    ("range-agg-1", ranges([-10, 10, 100, 1000, 2000])),
    ("range-agg-2", ranges(list(range(0, 20_000, 1000)))),
    ("range-with-date-histogram", ranges([1000, 10_000], aggs={"h": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}})),
    ("range-with-metrics", {**ranges([1000, 10_000], aggs={"min": {"min": {"field": DURATION}}, "avg": {"avg": {"field": DURATION}}, "max": {"max": {"field": DURATION}}})}),
    ("range-auto-date-histo", ranges([1000, 10_000], aggs={"h": {"auto_date_histogram": {"field": "@timestamp", "buckets": 20}}})),
    ("range-auto-date-histo-with-metrics", ranges([1000, 10_000], aggs={"h": {"auto_date_histogram": {"field": "@timestamp", "buckets": 20}, "aggs": {"n": {"avg": {"field": DURATION}}}}})),
    ("terms-significant-1", {"size": 0, "query": MORNING, "aggs": {"by": {"terms": {"field": "host.name", "size": 10}, "aggs": {"s": {"significant_terms": {"field": "user_agent.name"}}}}}}),
    ("terms-significant-2", {"size": 0, "query": MORNING, "aggs": {"by": {"terms": {"field": "user_agent.name", "size": 10}, "aggs": {"s": {"significant_terms": {"field": "host.name"}}}}}}),
    ("cardinality-agg-low", {"size": 0, "aggs": {"n": {"cardinality": {"field": "host.name"}}}}),
    ("cardinality-agg-high", {"size": 0, "aggs": {"n": {"cardinality": {"field": "url.path"}}}}),
    ("cardinality-agg-very-high", {"size": 0, "aggs": {"n": {"cardinality": {"field": "source.address"}}}}),
]

HTTP_LOGS = [
    ("term", {"query": {"term": {"source.address": "105.170.77.155"}}}),
    ("200s-in-range", {"query": {"bool": {"must": [MORNING, {"match": {STATUS: "200"}}]}}}),
    ("400s-in-range", {"query": {"bool": {"must": [SMALL, {"match": {STATUS: "400"}}]}}}),
    ("hourly_agg", {"size": 0, "aggs": {"by": {"date_histogram": {"field": "@timestamp", "calendar_interval": "hour"}}}}),
    ("hourly_agg_with_filter", histogram("1h", {"term": {STATUS: 200}})),
    ("hourly_agg_with_filter_and_metrics", histogram("1h", {"term": {STATUS: 200}}, {"size": {"sum": {"field": BYTES}}})),
    ("multi_term_agg", {"size": 0, "query": WHOLE, "aggs": {"by": {"multi_terms": {"terms": [{"field": "host.name"}, {"field": STATUS}]}}}}),
    ("desc_sort_size", {"query": {"match_all": {}}, **sort(BYTES, "desc")}),
    ("asc_sort_size", {"query": {"match_all": {}}, **sort(BYTES, "asc")}),
]

OPERATIONS = [(f"big5 {name}", body) for name, body in BIG5] + [(f"http_logs {name}", body) for name, body in HTTP_LOGS]

# Why ours is the slower one where it is, or refuses.
POINTS = "OpenSearch counts in an index of numbers (points); ours unpacks the column, 2 to 4 ns a row"
POSTINGS = "OpenSearch goes by postings of rows, best blocks first; ours have the values' words, and look for the values in the columns of a text's pieces"
COUNTS = "OpenSearch takes the counts of all documents from the dictionary's postings (its `terms` without a query); ours counts the column"
HOURS = "OpenSearch counts hours in the index of numbers (its filter rewrite of `date_histogram`); ours counts the column"
SORTED = "OpenSearch leaves out what cannot come in by the index of numbers; ours looks at each block's ends, and unpacks those that can"
ROWS = "OpenSearch has the rows of a value or word in postings; ours finds the value in a dictionary and its rows in the column"
READ = "a page is a hundred documents: ours unpacks and writes each back from its parts, some 60 us, OpenSearch has them as they came"
ABSENT = "this aggregation is not in the store yet"
WHY = {
    "phrase, newest 50, total": ROWS,
    "one hour, one host, two words": ROWS,
    "match all, newest 100": READ,
    "big5 term": ROWS,
    "big5 keyword-in-range": ROWS,
    "big5 range": POINTS,
    "big5 range_with_asc_sort": POINTS,
    "big5 range_with_desc_sort": POINTS,
    "big5 asc_sort_timestamp": SORTED,
    "big5 asc_sort_with_after_timestamp": SORTED,
    "big5 desc_sort_with_after_timestamp": SORTED,
    "big5 sort_numeric_asc": SORTED,
    "big5 sort_numeric_desc": SORTED,
    "http_logs asc_sort_size": SORTED,
    "http_logs desc_sort_size": SORTED,
    "big5 keyword-terms-low-cardinality": COUNTS,
    "big5 composite-date_histogram-daily": HOURS,
    "big5 date_histogram_hourly_agg": HOURS,
    "big5 date_histogram_minute_agg": HOURS,
    "big5 range-with-date-histogram": HOURS,
    "http_logs hourly_agg": HOURS,
    "http_logs hourly_agg_with_filter": HOURS,
    "http_logs term": ROWS,
    "http_logs 400s-in-range": ROWS,
    "big5 range_field_disjunction_big_range_small_term_query": POINTS,
    "big5 range-numeric": POINTS,
    "big5 sort_numeric_desc_with_match": POINTS,
    "big5 sort_numeric_asc_with_match": POINTS,
    "big5 range_field_conjunction_small_range_small_term_query": POINTS,
    "big5 range_field_conjunction_small_range_big_term_query": POINTS,
    "big5 range-agg-1": POINTS,
    "big5 range-agg-2": POINTS,
    "big5 query-string-on-message": POSTINGS,
    "big5 query-string-on-message-filtered": POSTINGS,
    "big5 query-string-on-message-filtered-sorted-num": POSTINGS,
    "scored: two words": POSTINGS,
    "big5 multi_terms-keyword": ABSENT,
    "big5 range-auto-date-histo": ABSENT,
    "big5 range-auto-date-histo-with-metrics": ABSENT,
    "big5 terms-significant-1": ABSENT,
    "big5 terms-significant-2": ABSENT,
    "http_logs multi_term_agg": ABSENT,
}
