/** @type {import("tailwindcss").Config} */
module.exports = {
  content: ["./templates/**/*.html"],
  darkMode: ["selector", '[data-theme="dark"]'],
};
