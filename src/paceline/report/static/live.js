"use strict";
// Asks for the runs' state every few seconds. Where a run's report has changed, it is loaded behind
// the one that is seen, brought to the same place, and only then takes its place.
(() => {
  const look = JSON.parse(document.getElementById("live-data").textContent).look * 1000;
  const runs = [...document.querySelectorAll("#runs article")];
  const shown = runs.map(() => null);

  const tell = (article, run) => {
    const line = article.querySelector(".state");
    article.querySelector("h2 a").textContent = run.name;
    const solved = run.solved === null ? "" : `, solved ${Math.round(100 * run.solved)} %`;
    line.textContent = run.step ? `${run.state}, step ${run.step} of ${run.steps}${solved}` : run.state;
    line.className = `state ${run.state === "going" ? "going" : ""}`;
  };

  const renew = (article, i, version) => {
    const frames = article.querySelector(".frames"), old = frames.querySelector("iframe:not(.next)");
    frames.querySelector("iframe.next")?.remove();
    const next = old.cloneNode();
    next.className = "next";
    next.addEventListener("load", () => {
      const [before, after] = [old, next].map((frame) => frame.contentDocument?.scrollingElement);
      if (before && after) after.scrollTop = before.scrollTop;
      next.className = "";
      old.remove();
    });
    next.src = `/report/${i}?${version}`;
    frames.append(next);
  };

  const ask = async () => {
    try {
      const states = await (await fetch("/state.json")).json();
      states.forEach((run, i) => {
        tell(runs[i], run);
        if (shown[i] !== null && shown[i] !== run.version) renew(runs[i], i, run.version);
        shown[i] = run.version;
      });
    } catch {
      for (const article of runs) {
        const line = article.querySelector(".state");
        line.textContent = "nobody answers any more; start `paceline watch` again";
        line.className = "state lost";
      }
    }
    setTimeout(ask, look);
  };
  ask();
})();
