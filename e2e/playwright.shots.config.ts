// The README's pictures, taken of the real thing: `npm run shots`. No test.
import base from "./playwright.config";

export default { ...base, testDir: "shots", outputDir: "results/shots" };
