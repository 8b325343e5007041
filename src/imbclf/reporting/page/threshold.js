// The slider moves the thresholds of all folds by the same amount; the matrix and rates follow.
// Its values: thresholds, and for each how many positive images are found, and how many others
// raise a false alarm; positives, others (images), prevalence, start (the step that was chosen).
for (const form of document.querySelectorAll("form.slider")) {
  const values = JSON.parse(form.querySelector("script").textContent);
  const matrix = form.querySelector(".matrix");
  const percent = share => Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "undefined";

  const update = () => {
    const step = Number(form.step.value);
    const prevalence = Number(form.prevalence.value) / 100;
    const [found, alarms] = [values.found[step], values.alarms[step]];
    const counts = [[found, values.positives - found], [alarms, values.others - alarms]];
    counts.forEach((row, label) => row.forEach((count, decision) => {
      const digits = Number.isInteger(count) ? 0 : 1;
      const shown = count.toLocaleString("en-US", { maximumFractionDigits: digits });
      matrix.querySelector(`[data-cell="${label}${decision}"]`).textContent = shown;
      matrix.querySelector(`[data-share="${label}${decision}"]`).textContent =
        percent(count / (row[0] + row[1]));
    }));
    const [sensitivity, alarm] = [found / values.positives, alarms / values.others];
    const right = sensitivity * prevalence;
    const cleared = (1 - alarm) * (1 - prevalence);
    const moved = values.thresholds[step];
    form.moved.textContent = (moved > 0 ? "+" : "") + moved.toFixed(2);
    form.querySelector(".rates").textContent =
      `Sensitivity ${percent(sensitivity)}, specificity ${percent(1 - alarm)}, ` +
      `HTER ${percent((1 - sensitivity + alarm) / 2)}, ` +
      `PPV ${percent(right / (right + alarm * (1 - prevalence)))}, ` +
      `NPV ${percent(cleared / (cleared + (1 - sensitivity) * prevalence))}`;
  };
  form.hidden = false;
  form.oninput = update;
  form.onreset = () => setTimeout(update);
  form.onsubmit = event => event.preventDefault();
  update();
}
