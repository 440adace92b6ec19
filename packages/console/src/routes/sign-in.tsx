import { getRouteApi, useRouter } from '@tanstack/react-router';
import { SignIn } from '../features/shell/sign-in.tsx';

const route = getRouteApi('/sign-in');

/** `/sign-in?from=` */
export function SignInRoute() {
  const { from } = route.useSearch();
  const router = useRouter();
  return <SignIn onDone={() => router.history.replace(from ?? '/')} />;
}
