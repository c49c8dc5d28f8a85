// Asks for what has changed since the last poll, and hands the page what it expects.
//
// The page asks for everything from its first unfinished trial on, every few seconds. One trial
// whose worker died early in a large study makes that the whole study, each time.
"use strict";
(() => {
  const stock = window.fetch.bind(window);
  const POLL = /^(\/api\/studies\/(\d+)\?after=)(\d+)$/;
  const known = new Map(); // study id -> {uuid, cursor, head, trials by number}
  const others = new Set(); // ids of studies that are left to the stock page

  const ask = (path, after, mine) =>
    mine ? stock(path + after, { headers: { "Tuner-Cursor": mine.cursor } }) : stock(path + "0");

  const merge = (detail, after, mine) => {
    if (!mine) return detail.trials;
    if (!detail.tuner.delta) return mine.trials.slice(0, after).concat(detail.trials);
    for (const trial of detail.trials) mine.trials[trial.number] = trial;
    return mine.trials;
  };

  const answered = (detail) => {
    const answer = new Response(null, { status: 200 });
    answer.json = async () => detail;
    return answer;
  };

  window.fetch = async (input, init) => {
    const poll = typeof input === "string" && init === undefined && POLL.exec(input);
    if (!poll || others.has(poll[2])) return stock(input, init);
    const [, path, study, number] = poll;
    const after = Number(number), mine = known.get(study);
    const answer = await ask(path, after, mine);
    if (!answer.ok) return answer;
    const detail = await answer.json();
    if (!detail.tuner) {
      others.add(study);
      return answered({ ...detail, trials: detail.trials.slice(after) });
    }
    const { uuid, cursor, delta } = detail.tuner;
    if (mine && mine.uuid !== uuid) location.reload(); // another study took over its id
    const trials = merge(detail, after, mine);
    const head = mine && delta ? { ...mine.head, ...detail } : detail;
    known.set(study, { uuid, cursor, head: { ...head, trials: [] }, trials });
    return answered({ ...head, trials: trials.slice(after) });
  };
})();
