import type { Page } from 'playwright-core';

/** Waits until a dialog has the focus: before that it does not hear a key. */
export async function focusInDialog(page: Page): Promise<void> {
  await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]') != null);
}

/** Types what is looked for into a field that says so in the address, and asks. */
export async function ask(page: Page, label: string, text: string): Promise<void> {
  await page.getByRole('searchbox', { name: label, exact: true }).fill(text);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.searchParams.get('ask') === text);
}
