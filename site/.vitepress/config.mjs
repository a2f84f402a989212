import llms from 'vitepress-plugin-llms';
import { defineConfig } from 'vitepress';
import { sidebar } from '../sidebar.mjs';

export default defineConfig({
  title: 'ctrlplane-workers',
  description: 'Background workers for NestJS: discovered, run safely, tracked and shown.',
  srcDir: 'pages',
  outDir: 'dist',
  cleanUrls: true,
  lastUpdated: false,
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // A name such as `RunHandle<T>` in a sentence is no tag.
  markdown: {
    html: false,
    languageAlias: { mjs: 'js', cts: 'ts' },
    config: ({ renderer: { rules } }) => {
      // Types have braces, which are no expressions of Vue: not even in `code`, where it still looks for their end.
      for (const rule of ['text', 'code_inline']) {
        const rendered = rules[rule];
        rules[rule] = (...of) => rendered(...of).replaceAll('{', '&#123;');
      }
    },
  },
  vite: {
    plugins: [llms({ ignoreFiles: ['files/**', 'api/**'], injectLLMHint: false })],
    build: { chunkSizeWarningLimit: 2_000 },
  },
  themeConfig: {
    nav: [
      { text: 'Documentation', link: '/documentation' },
      { text: 'Which one?', link: '/comparison' },
      { text: 'API', link: '/api/' },
      { text: 'Changes', link: '/changelog' },
    ],
    sidebar,
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        // Of the API and of files the names alone: they would hide the pages that explain.
        _render: (text, env, markdown) =>
          markdown.render(/^(api|files)\//.test(env.relativePath) ? text.split('\n', 1)[0] : text, env),
      },
    },
  },
});
