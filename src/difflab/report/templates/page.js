// A slider's range moves the boundary between its two images; arrow keys do so too, since it is an input.
for (const slider of document.querySelectorAll(".slider")) {
  const range = slider.querySelector("input");
  const move = () => slider.style.setProperty("--cut", range.value + "%");
  range.addEventListener("input", move);
  move();
}

// The two strips under the slider of the recipes.
for (const select of document.querySelectorAll("select[data-side]")) {
  const image = document.getElementById(select.dataset.side);
  const show = () => {
    const strip = document.getElementById(select.value);
    image.src = strip.src;
    image.alt = strip.alt;
  };
  select.addEventListener("change", show);
  show();
}

// A figure at full size; Escape or another click closes it.
const dialog = document.querySelector("dialog");
for (const plate of document.querySelectorAll(".plate")) {
  plate.addEventListener("click", () => {
    const shown = plate.querySelector("img").cloneNode();
    dialog.replaceChildren(shown);
    dialog.showModal();
  });
}
dialog.addEventListener("click", () => dialog.close());
