"""Small workflows, each with one thing that others must do for it."""

LEAF = """
flow: 1
id: leaf
params: {n: {type: number}}
nodes:
  nap: {uses: delay@1, with: {duration: "${{ params.n * 100 }}ms"}}
  give: {needs: [nap], run: "return params.n * 2;"}
"""
PARENT = """
flow: 1
id: parent
nodes:
  list: {run: "return [0, 3, 6, 9, 12];"}
  each:
    needs: [list]
    for_each: ${{ nodes.list.output }}
    uses: workflow@1
    with: {workflow: leaf, params: {n: "${{ item }}"}}
  sum: {needs: [each], run: "return payload.reduce((sum, n) => sum + n, 0);"}
"""
ALARM = """
flow: 1
id: alarm
nodes: {tell: {run: "return payload.execution_id;"}}
"""
FAILS = """
flow: 1
id: fails
on_failure: {workflow: alarm}
nodes:
  first: {run: "return 1;"}
  bad: {needs: [first], run: "throw new Error('no');"}
"""
CHAIN = """
flow: 1
id: chain-of-two
nodes:
  a: {run: "return 1;"}
  b: {needs: [a], run: "return payload + 1;"}
"""
NAPS = """
flow: 1
id: naps
nodes:
  nap: {uses: delay@1, with: {duration: 1s}}
  after: {needs: [nap], run: "return 'awake';"}
"""
WAITS = """
flow: 1
id: waits
params: {n: {type: integer, default: 0}}
nodes:
  ask: {uses: wait@1, with: {signal: go}}
  after: {needs: [ask], run: "return payload;"}
"""
ASKS = """
flow: 1
id: asks
nodes:
  ask: {uses: approval@1, with: {title: "Go on?"}}
  yes: {needs: [{node: ask, action: approved}], run: "return input.ask.data;"}
"""
PAYS = """
flow: 1
id: pays
params: {url: {type: string}}
nodes:
  pay: {uses: http@1, with: {method: POST, url: "${{ params.url }}"}, effects: once}
  note: {needs: [pay], run: "return payload;"}
"""
QUEUES = """
flow: 1
id: queues
params: {url: {type: string}}
nodes:
  narrow:
    concurrency: {key: narrow, limit: 1}
    uses: http@1
    with: {method: POST, url: "${{ params.url }}"}
  after: {needs: [narrow], run: "return payload.status;"}
"""
STOPS = """
flow: 1
id: stops
mode: debug
nodes:
  a: {run: "return 1;"}
  b: {needs: [a], breakpoint: after, run: "return payload + 1;"}
  c: {needs: [b], breakpoint: before, run: "return payload + 1;"}
"""
SHAKY = """
flow: 1
id: shaky
params: {good: {type: boolean, default: false}}
nodes:
  first: {run: "return Math.random();"}
  second: {needs: [first], run: "if (!params.good) throw new Error('no'); return payload;"}
"""
TICKS = """
flow: 1
id: ticks
nodes: {work: {run: "return run.trigger.scheduled_at;"}}
output: ${{ nodes.work.output }}
"""
