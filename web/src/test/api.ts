// An application programming interface of scripted answers for tests of state classes.
import { Api } from '../api/client';

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
}

/** Answers with a JSON value, a Response, or throws (nobody answers). */
export type Responder = (asked: Asked) => unknown;

export interface TestApi {
  api: Api;
  asked: Asked[];
}

export function apiOf(respond: Responder): TestApi {
  const asked: Asked[] = [];
  const fetcher: typeof fetch = async (input, init) => {
    const url = new URL(String(input), 'http://test');
    const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined;
    const one: Asked = { method: init?.method ?? 'GET', path: url.pathname, query: url.searchParams, body };
    asked.push(one);
    const answer = await respond(one);
    return answer instanceof Response ? answer : Response.json(answer);
  };
  return { api: new Api({ fetch: fetcher, language: () => 'en' }), asked };
}

export function problem(status: number, title = 'no'): Response {
  return Response.json({ status, title, code: 'test' }, { status });
}
